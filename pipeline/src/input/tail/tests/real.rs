//! On the real disk.
