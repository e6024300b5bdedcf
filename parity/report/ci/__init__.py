"""What build servers read: JUnit, GitHub's annotations, SARIF; and, for people, what was held against the port."""

from __future__ import annotations

from parity.report.ci.annotations import github_lines
from parity.report.ci.junit import junit
from parity.report.ci.sarif import sarif
from parity.report.ci.wording import gate_data, gate_lines, of_gate

__all__ = ["gate_data", "gate_lines", "github_lines", "junit", "of_gate", "sarif"]
