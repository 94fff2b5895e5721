//! The defaults of a schema.

use serde_json::Value as Json;

/// Fills in the defaults of a schema, as the API server does.
pub(crate) fn add_defaults(schema: &Json, value: &mut Json) {
    let properties = schema.get("properties").and_then(Json::as_object);
    if let (Some(properties), Json::Object(map)) = (properties, &mut *value) {
        for (name, property) in properties {
            if let Some(default) = property.get("default")
                && !map.contains_key(name)
            {
                map.insert(name.clone(), default.clone());
            }
            if let Some(value) = map.get_mut(name) {
                add_defaults(property, value);
            }
        }
    }
    match (
        schema.get("items"),
        schema.get("additionalProperties"),
        value,
    ) {
        (Some(items), _, Json::Array(values)) => {
            values
                .iter_mut()
                .for_each(|value| add_defaults(items, value));
        }
        (_, Some(values), Json::Object(map)) if properties.is_none() => {
            map.values_mut()
                .for_each(|value| add_defaults(values, value));
        }
        _ => {}
    }
}
