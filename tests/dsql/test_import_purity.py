"""Loading the ENGINE loads nothing that is none of its business."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.apart

PROGRAM = """
import sys
import worldseat.dsql.base
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""
FORBIDDEN = {"boto3", "botocore", "celery", "accounts", "sales", "rest_framework", "redis"}


def test_imports_no_aws_no_celery_no_models() -> None:
    loaded = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "django" in loaded
    assert not FORBIDDEN & set(loaded)
