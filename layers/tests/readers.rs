//! Readers on real files and against an independent implementation (GDAL).

mod readers {
    pub mod gdal;
    pub mod osm;
    pub mod real;
}
