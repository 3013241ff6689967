//! Readers on real files and against an independent implementation (GDAL), and their memory.

mod readers {
    pub mod gdal;
    pub mod memory;
    pub mod real;
}
