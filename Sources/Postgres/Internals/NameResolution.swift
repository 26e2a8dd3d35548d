import Glibc

/// The system's resolver, which can only be asked blocking.
enum NameResolution {
    /// The addresses of a host in the system's order of preference, in numeric form for libpq's `hostaddr`.
    ///
    /// Blocks, unless the host is an address already.
    static func addresses(of host: String) -> Result<[String], NameResolutionFailure> {
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let status = unsafe getaddrinfo(host, nil, &hints, &list)
        guard status == 0 else { return .failure(NameResolutionFailure(status: status)) }
        defer { unsafe freeaddrinfo(list) }
        var addresses: [String] = []
        var next = unsafe list
        while let entry = unsafe next {
            if let text = unsafe numericText(of: entry.pointee), !addresses.contains(text) { addresses.append(text) }
            unsafe next = unsafe entry.pointee.ai_next
        }
        return .success(addresses)
    }

    /// Whether the text is an IPv4 or IPv6 address, which needs no resolving.
    static func isAddress(_ host: String) -> Bool {
        var hints = unsafe addrinfo()
        unsafe hints.ai_flags = AI_NUMERICHOST
        var list: UnsafeMutablePointer<addrinfo>?
        guard unsafe getaddrinfo(host, nil, &hints, &list) == 0 else { return false }
        unsafe freeaddrinfo(list)
        return true
    }

    private static func numericText(of entry: addrinfo) -> String? {
        unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(NI_MAXHOST)) { buffer in
            let length = socklen_t(buffer.count)
            guard let text = buffer.baseAddress,
                unsafe getnameinfo(entry.ai_addr, entry.ai_addrlen, text, length, nil, 0, NI_NUMERICHOST) == 0
            else { return nil }
            return unsafe String(cString: text)
        }
    }
}

/// Why a host's name has no address.
struct NameResolutionFailure: Error {
    let status: Int32

    var reason: String {
        unsafe gai_strerror(status).map { unsafe String(cString: $0) } ?? "error \(status)"
    }
}
