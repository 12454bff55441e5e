//! The administration API: one resource a file, OpenAPI generated from the code.
