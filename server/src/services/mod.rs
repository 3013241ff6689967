//! Answers that need more than one layer or more than one module; no HTTP in here.
