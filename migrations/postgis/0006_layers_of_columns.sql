-- A table may have more than one geometry: the surface of a building and its entrance, the axis of a street and its
-- pavement. Each attached geometry column is a layer of its own, so what is unique in bricola.layers is no longer the table
-- but its column. A program from before this that runs beside a newer one knows of one layer for each table, and describes
-- the first geometry in the place of another; the newer one puts that right when it looks again.

DROP INDEX bricola.layers_of_tables;
CREATE UNIQUE INDEX layers_of_tables
    ON bricola.layers (table_schema, table_name, coalesce(source::json ->> 'geometry', ''), tenant);
