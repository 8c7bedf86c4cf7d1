DROP FUNCTION pgvoice.identify_clusters;
