//! Pod templates and containers of every object that carries one.
