//! Which Secrets and ConfigMaps an object needs, and which objects provide them.
