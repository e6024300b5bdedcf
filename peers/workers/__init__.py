"""What runs inside an implementation's own environment: one module an implementation, nothing of the lab."""
