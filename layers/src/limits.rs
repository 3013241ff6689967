//! Every limit of the territory ring in one table. The server's limits on requests build on these.
//!
//! A limit is a constant with its unit in the name or the comment, and is named in the error that it causes.

/// Vertices of one geometry, all parts and rings together.
pub const MAX_VERTICES: usize = 1_000_000;
/// Rings (or parts) of one geometry.
pub const MAX_RINGS: usize = 100_000;
/// Bytes of one text value.
pub const MAX_TEXT_BYTES: usize = 64 * 1024;
/// Bytes of one row of a source file (a CSV line, a GeoJSON feature, a GML member).
pub const MAX_ROW_BYTES: usize = 64 * 1024 * 1024;
/// Uncompressed bytes read out of one archive (zip, KMZ), all members together.
pub const MAX_ARCHIVE_BYTES: u64 = 64 * 1024 * 1024 * 1024;
/// How many times larger than its compressed form an archive member may grow before it is taken for a bomb
/// (checked only past [`MIN_BOMB_BYTES`]).
pub const MAX_ARCHIVE_RATIO: u64 = 200;
/// Uncompressed bytes of an archive member below which its ratio does not matter.
pub const MIN_BOMB_BYTES: u64 = 64 * 1024 * 1024;
/// Rejected rows that a load report names one by one; the rest are only counted.
pub const MAX_REPORTED_ROWS: usize = 1_000;
/// Points of one `POST /lookup`.
pub const MAX_LOOKUP_POINTS: usize = 10_000;
/// Largest search radius of a lookup, in metres.
pub const MAX_LOOKUP_RADIUS_M: f64 = 5_000.0;
/// Hits that a lookup returns per layer.
pub const MAX_HITS_PER_LAYER: usize = 100;
/// Default byte budget of one layer in one tile, uncompressed.
pub const TILE_BUDGET_BYTES: usize = 500_000;
/// Deepest zoom level served.
pub const MAX_ZOOM: u8 = 22;
/// Label points of one tile, but for a layer's deepest zoom, which clients magnify: no more would find room on a screen.
pub const MAX_LABELS: usize = 256;
/// Layers in one composite tile request.
pub const MAX_COMPOSITE_LAYERS: usize = 32;
/// How deep JSON, XML and geometry collections of a source may be nested.
pub const MAX_NESTING: usize = 64;
/// Members of one archive.
pub const MAX_ARCHIVE_MEMBERS: usize = 100_000;
/// How deep archives may lie in archives (the cadastre of all Italy: country, region, province, comune).
pub const MAX_ARCHIVE_DEPTH: usize = 5;
/// Points of all shapes of one timetable (GTFS), which are held in memory.
pub const MAX_TIMETABLE_POINTS: usize = 10_000_000;
/// Rows of the table of times of one timetable (GTFS), which are held in memory (20 bytes each) while departures are counted.
pub const MAX_TIMETABLE_STOP_TIMES: usize = 10_000_000;
/// Days of one timetable (GTFS) that are looked at for what runs on most of them.
pub const MAX_TIMETABLE_DAYS: u64 = 400;
/// Points of the streets of one OpenStreetMap extract, which are held in memory (20 bytes each); half of them are for use.
pub const MAX_OSM_POINTS: usize = 20_000_000;
/// Bytes of a block of an OpenStreetMap extract, compressed and not, as the format has it.
pub const MAX_OSM_BLOCK_BYTES: usize = 32 * 1024 * 1024;
/// Bytes of the header of such a block.
pub const MAX_OSM_HEADER_BYTES: usize = 64 * 1024;
/// Bytes of one XML tag, one JSON member name or one header line of a source file.
pub const MAX_TAG_BYTES: usize = 1024 * 1024;
/// Tiles of a layer whose generation is known one by one; past that all its tiles become new ones.
pub const MAX_TOUCHED_TILES: usize = 1_000_000;
/// Tiles that one changed feature touches, beyond which whole squares of the map count as touched.
pub const MAX_TOUCHED_PER_FEATURE: usize = 2_048;
/// Changed features, and boxes of their places, that are told one by one to those who listen; past that there is one
/// box and no list.
pub const MAX_APPLIED_FEATURES: usize = 256;
/// Announcements that wait for a slow listener; past that it has to read the log.
pub const MAX_APPLIED_QUEUE: usize = 1_024;
/// Causes of the changes of one layer that are told with them as they happen.
pub const MAX_APPLIED_CAUSES: usize = 16;
/// Changes that one request of the feed gives.
pub const MAX_FEED_PAGE: usize = 10_000;
/// Changes of the log that one request of the feed looks at, those that it does not want included.
pub const MAX_FEED_SCAN: usize = 20_000;
/// Bytes of one page of the feed, after which it ends; the next begins there.
pub const MAX_FEED_BYTES: usize = 16 * 1024 * 1024;
/// Changes that a stream of events catches up with after a break; after more it says so and begins anew.
pub const MAX_EVENTS_RESUMED: usize = 2_000;
/// Bytes of all earlier states of layers that are kept in memory.
pub const PAST_CACHE_BYTES: usize = 512 * 1024 * 1024;
/// Earlier states that are read from the store at the same time.
pub const MAX_PAST_BUILDS: usize = 2;
/// Requests that wait for earlier states beyond those being read; more are refused.
pub const MAX_PAST_QUEUE: usize = 32;
/// Characters of the name of a follower that the log is kept for.
pub const MAX_FOLLOWER_NAME: usize = 64;
/// Columns of one source.
pub const MAX_COLUMNS: usize = 4_096;
/// Bytes of one filter.
pub const MAX_FILTER_BYTES: usize = 64 * 1024;
/// Levels of a filter, one in another; a chain of additions is one level for each.
pub const MAX_FILTER_DEPTH: usize = 64;
/// Terms of a filter, vertices of its geometries and characters of its patterns, all together.
pub const MAX_FILTER_COST: usize = 10_000;
/// Features of a page unless somebody says how many.
pub const DEFAULT_PAGE: usize = 10;
/// Features of a page at most; who asks for more gets as many.
pub const MAX_PAGE: usize = 10_000;
/// Milliseconds that the store may look for an answer about a layer that is not in memory; of a file, for each piece of it.
pub const MAX_QUERY_MS: u64 = 10_000;
/// Features of a layer that is not in memory that are gathered there for one answer: a file that is finished before it is
/// sent, a tile with what lies around it.
pub const MAX_GATHERED: usize = 100_000;
/// Files that are made at the same time of those that are finished before they are sent (`GeoPackage`, Shapefile), each of
/// which takes room on the disk and a thread, and of those that come from the store, each of which holds a connection.
pub const MAX_FILE_BUILDS: usize = 4;
/// Features that are made by one request.
pub const MAX_BATCH: usize = 1_000;
/// States of one feature that are told at once.
pub const MAX_VERSIONS: usize = 1_000;
/// Faults of one edit that are told one by one.
pub const MAX_FAULTS: usize = 100;
/// Tile matrix sets of a folder.
pub const MAX_MATRIX_SETS: usize = 64;
/// Bytes of the file of a tile matrix set.
pub const MAX_MATRIX_SET_BYTES: u64 = 1024 * 1024;
/// Tile matrices of a set.
pub const MAX_MATRICES: usize = 64;
/// Bytes of one style.
pub const MAX_STYLE_BYTES: usize = 1024 * 1024;
/// Layers of one style.
pub const MAX_STYLE_LAYERS: usize = 2_000;
/// Styles that are kept.
pub const MAX_STYLES: usize = 200;
/// Characters of the identifier of a style.
pub const MAX_STYLE_ID: usize = 64;
/// Pixels of a side of a static map, by density.
pub const MAX_MAP_PIXELS: u32 = 2_048;
/// Tiles that one static map is drawn of.
pub const MAX_MAP_TILES: usize = 256;
/// Most jobs that are known at a time: running, waiting, and ended but kept.
pub const MAX_JOBS: usize = 200;
/// Jobs that are worked on at the same time.
pub const MAX_RUNNING_JOBS: usize = 2;
/// Seconds for which the results of a job are kept: a day.
pub const JOB_KEPT_SECONDS: i64 = 86_400;
/// Most parcels of one certificate of planning destination.
pub const MAX_CERTIFIED: usize = 1_000;
/// Houses that may be meant by an address that are told, to choose from.
pub const MAX_CHOICES: usize = 10;
