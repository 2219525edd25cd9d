//! The tailer in worlds of memory that move between any two of its calls, and on the real disk.

mod bench;
mod defects;
mod real;
mod world;
mod worlds;
