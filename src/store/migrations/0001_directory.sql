-- The directory as a whole. Times are microseconds since 1970, change numbers count every write from 1 on.

create table setting (
  name text primary key,
  value text not null
) strict, without rowid;

-- What the server keeps in memory is valid for the generation that it was read in; every write to it raises the number.
create table generation (
  id integer primary key check (id = 1),
  control integer not null, -- tokens and settings
  graph integer not null    -- groups, their names, and groups inside groups
) strict;
insert into generation values (1, 1, 1);

create table resource_type (
  code integer primary key,
  name text not null unique
) strict;
insert into resource_type values (1, 'User'), (2, 'Group');

-- Live resources. `doc` is canonical JSON without id, meta, groups and members: those come from columns and rows.
create table resource (
  pk integer primary key autoincrement, -- the order of lists; never used twice, never shown
  id text not null unique,
  type integer not null references resource_type (code),
  name_key text not null,               -- folded userName or displayName: unique
  external_id text,                     -- as sent; not unique
  display_key text,                     -- folded displayName
  label text,                           -- displayName or name.formatted: what members.display shows
  created integer not null,
  modified integer not null,
  version integer not null,             -- the number of the change that last wrote it
  members integer not null default 0,   -- how many member rows it has
  plain integer not null,               -- 1: doc holds nothing that `returned` never or request would hide
  doc text not null
) strict;
create index resource_by_type on resource (type);
create unique index resource_by_name on resource (type, name_key);
create index resource_by_external_id on resource (type, external_id) where external_id is not null;
create index resource_by_display on resource (type, display_key);
create index resource_by_modified on resource (type, modified);

-- Folded values of multi-valued attributes, for look-up. attribute 1: emails.value
create table value (
  attribute integer not null,
  value text not null,
  pk integer not null,          -- no reference: the check would need an index by pk for nothing else
  primary key (attribute, value, pk)
) strict, without rowid;

-- Who is in which group.
create table member (
  group_pk integer not null references resource (pk),
  member_pk integer not null references resource (pk),
  member_type integer not null, -- of the member: a User or a Group
  added integer not null,       -- the change that added it
  source integer not null,      -- 0: the identity provider; 1: an administrator here
  primary key (group_pk, member_pk)
) strict, without rowid;
create index member_by_member on member (member_pk, group_pk);
create index member_group on member (member_type, member_pk, group_pk) where member_type <> 1; -- 1: User

-- Live resources, or bytes of change rows (type 0), counted in blocks of 1024 keys.
create table block (
  type integer not null,
  block integer not null,
  n integer not null,
  primary key (type, block)
) strict, without rowid;

-- One row for every write: what history, feeds and audits read.
create table change (
  n integer primary key,
  at integer not null,
  actor text not null,        -- token:ID or command:NAME
  request text,               -- the request id of the log
  op text not null,           -- create, replace, patch, delete, token.create, ...
  type integer,
  resource text,              -- its id
  before text,                -- JSON of the attributes that changed, as they were
  after text,                 -- and as they became
  added text,                 -- JSON array: ids of members that came
  removed text                -- JSON array: ids of members that went
) strict;
create index change_by_resource on change (resource, n) where resource is not null;

-- Deleted users and archived groups, with the memberships that they had.
create table departed (
  pk integer primary key,
  id text not null unique,
  type integer not null,
  name_key text not null,
  external_id text,
  created integer not null,
  modified integer not null,
  departed integer not null,
  change integer not null,
  doc text not null,
  members text not null,      -- JSON array: ids of the members of a group
  groups text not null        -- JSON array: ids of the groups it was in
) strict;
create index departed_by_name on departed (type, name_key);

create table token (
  id text primary key,        -- the public id
  name text not null,
  scope text not null,
  digest blob not null,       -- SHA-256 of the token; the token itself is nowhere
  created integer not null,
  created_by text not null,
  expires integer,
  revoked integer,
  last_used integer,
  last_address text,
  last_client text
) strict, without rowid;

-- How often a client's mistake was overlooked.
create table dialect_count (
  rule text primary key,
  n integer not null,
  last integer not null
) strict, without rowid;
