-- The pod of a record, as the files of the syslog server name it: host = <namespace>/<pod>
function set_host(tag, timestamp, record)
    local pod = record["kubernetes"]
    if type(pod) == "table" and type(pod["pod"]) == "table" then
        record["host"] = tostring(pod["namespace"]) .. "/" .. tostring(pod["pod"]["name"])
        return 2, timestamp, record
    end
    return 0, timestamp, record
end
