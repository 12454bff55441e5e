//! Filled in with the pipeline.
