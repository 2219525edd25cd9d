//! A directory in memory that performs steps: the second stage, for the properties of the rotators.
