-- Which role the members of a group have: of the rules that fit somebody the first one counts. By the group's id, so that
-- a rename changes nothing; no reference, since the rule of a group that is gone stays to be seen.
create table role_rule (
  group_id text primary key,
  position integer not null,  -- from 1 on
  role text not null,         -- the value of a role of the configuration
  nested integer not null,    -- 1: members of groups inside the group count as well
  change integer not null     -- the change that last wrote it
) strict, without rowid;

-- Roles that were given to single people here. By the person's id, which is never used again: whoever comes back with it
-- has the role still.
create table role_override (
  user_id text primary key,
  role text not null,         -- the value of a role of the configuration
  change integer not null     -- the change that last wrote it
) strict, without rowid;
