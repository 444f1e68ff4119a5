-- Single sign-on: a session belongs to an administrator of the settings page, or to a person of the directory.
alter table session rename to session_before;
drop index session_by_admin;
create table session (
  digest blob primary key,              -- SHA-256 of the cookie
  admin integer references admin (id) on delete cascade,
  person text,                          -- the id, which is never used again
  complete integer not null,            -- 0: the second factor is awaited
  created integer not null,
  authenticated integer not null,       -- when somebody last proved who they are; 0: that is not known
  seen integer not null,                -- when it was last used; written with a delay
  expires integer not null,
  address text not null,
  client text not null,
  id_token blob,                        -- what signs a person out at the provider; sealed with the key file
  check ((admin is null) <> (person is null))
) strict, without rowid;
insert into session (digest, admin, complete, created, authenticated, seen, expires, address, client)
select digest, admin, complete, created, authenticated, seen, expires, address, client from session_before;
drop table session_before;
create index session_by_admin on session (admin) where admin is not null;
create index session_by_person on session (person) where person is not null;
