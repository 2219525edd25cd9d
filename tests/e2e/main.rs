//! One file per behaviour, on the real binary, real files and real processes.

mod house;
