-- A token may be bound to one user, by the user's id: it opens /Me and nothing else.
alter table token add column subject text;
create index token_by_subject on token (subject) where subject is not null;
