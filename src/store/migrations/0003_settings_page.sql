-- Administrators of the settings page. They are not users: nothing that arrives by SCIM reaches them.
create table admin (
  id integer primary key autoincrement, -- never used twice
  name text not null,
  name_key text not null unique,        -- folded
  password text not null,               -- argon2id in PHC form
  changed integer not null,             -- when the password or the second factor last changed
  created integer not null,
  created_by text not null,
  totp blob,                            -- the secret of the second factor, sealed with the key file
  totp_step integer not null default 0, -- the last time step that was used: none is good twice
  recovery text not null default '[]',  -- JSON array: digests of the recovery codes that are left
  last_sign_in integer
) strict;

-- Browsers that are signed in.
create table session (
  digest blob primary key,              -- SHA-256 of the cookie
  admin integer not null references admin (id) on delete cascade,
  complete integer not null,            -- 0: the second factor is awaited
  created integer not null,
  authenticated integer not null,       -- when a password was last given
  seen integer not null,                -- when it was last used; written with a delay
  expires integer not null,
  address text not null,
  client text not null
) strict, without rowid;
create index session_by_admin on session (admin);

-- The last exchanges with identity providers. No values of the request, no bodies.
create table exchange (
  n integer primary key,
  at integer not null,
  milliseconds real not null,
  client text not null,                 -- its User-Agent
  address text not null,
  token text,                           -- the public id; null: there was no good token
  method text not null,
  path text not null,
  status integer not null,
  detail text,                          -- what was answered beside the status, for people
  request text not null
) strict;

-- Requests with a good token by the hour.
create table tally (
  hour integer primary key,             -- since 1970
  answered integer not null,
  refused integer not null
) strict;

-- What has happened at least once.
create table milestone (
  name text primary key,
  at integer not null,
  client text not null,
  token text not null
) strict, without rowid;

-- How many people are deactivated stands in `block` too, under the type -1.
insert into block (type, block, n)
select -1, pk >> 10, count(*) from resource where type = 1 and json_extract(doc, '$.active') = 0 group by pk >> 10;

-- A token that was made to take the place of another one.
alter table token add column replaces text;
