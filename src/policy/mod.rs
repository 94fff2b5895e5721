//! Rego policies with conftest's conventions, evaluated by regorus (design, section 8; field notes, section 4).
