-- Who made a resource, where the change row of that is gone.
create table origin (
  resource text primary key,            -- the id; live or departed
  actor text not null                   -- as the change row named it
) strict, without rowid;
