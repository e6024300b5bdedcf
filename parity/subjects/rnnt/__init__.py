"""What the lab knows of the RNN-T pipeline: its fixtures, its answers, faults to plant in it, and its reports."""
