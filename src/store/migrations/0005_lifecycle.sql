-- Who left and what they left behind, and who came back.

-- Of the members of an archived group, or of the groups of somebody who left, those that were added here: JSON array of ids.
alter table departed add column local text not null default '[]';
create index departed_by_external_id on departed (type, external_id) where external_id is not null;
create index departed_by_time on departed (type, departed);

-- What somebody who left has to hand over. Opened with the deactivation or deletion, in its transaction.
create table handover (
  id integer primary key autoincrement,
  person text not null,                 -- the id; live or departed
  opened integer not null,
  change integer not null,              -- the number of the change that opened it
  status text not null,                 -- open, done, dismissed; closed: the person came back before
  successor text,                       -- the id of whoever took over
  note text,
  by text,                              -- who settled it, as change rows name it
  at integer
) strict;
create index handover_by_person on handover (person, status);
create index handover_by_status on handover (status, opened);

-- A new id of somebody who was here before.
create table returned (
  id text primary key,
  departed text not null,               -- the id of before
  change integer not null
) strict, without rowid;
create index returned_by_departed on returned (departed);
