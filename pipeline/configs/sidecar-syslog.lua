-- The file of a record, from its own time: <year>-<month><day>/istio-ingressgateway-access.log
function set_log_file_path(tag, timestamp, record)
    record["log_file_path"] = os.date("!%Y-%m%d", timestamp) .. "/istio-ingressgateway-access.log"
    return 2, timestamp, record
end
