"""botocore's published model of DSQL, and what it says about a request or an answer."""

from __future__ import annotations

import re
from typing import Any

import botocore.session
from botocore.model import ServiceModel, Shape
from botocore.validate import ParamValidator

LOADER = botocore.session.get_session().get_component("data_loader")
DESCRIPTION = LOADER.load_service_model("dsql", "service-2")
MODEL = ServiceModel(DESCRIPTION, "dsql")

Body = dict[str, Any]


def hold_against(shape: Shape | None, value: Body) -> None:
    """Fail when a request or an answer is not what the published model says."""
    assert shape is not None
    report = ParamValidator().validate(value, shape)
    assert not report.has_errors(), report.generate_report()
    _check_patterns(shape, value)


def _check_patterns(shape: Any, value: Any) -> None:
    if shape.type_name == "structure":
        for name, member in value.items():
            _check_patterns(shape.members[name], member)
    elif shape.type_name == "list":
        for each in value:
            _check_patterns(shape.member, each)
    elif shape.type_name == "map":
        for key, each in value.items():
            _check_patterns(shape.key, key)
            _check_patterns(shape.value, each)
    elif shape.type_name == "string":
        pattern = DESCRIPTION["shapes"][shape.name].get("pattern")
        assert not pattern or re.fullmatch(pattern, value), f"{shape.name}: {value!r}"
        assert not shape.enum or value in shape.enum, f"{shape.name}: {value!r}"
