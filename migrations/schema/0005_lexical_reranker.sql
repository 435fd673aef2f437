-- The built-in reranker "proximity" has become "lexical". Collections that took the default name it in their policy.
update quarry.collections
set policy = jsonb_set(policy, '{rerank,model}', '"lexical"')
where policy #>> '{rerank,model}' = 'proximity';
