namespace Xenlet.XenStoreRing;

/// <summary>Finds the transport of the Linux machine that a program runs on.</summary>
public static class XenStoreTransport
{
    private const string Device = "/dev/xen/xenbus";

    private static readonly string[] Sockets = ["/run/xenstored/socket", "/var/run/xenstored/socket"];

    /// <summary>
    /// The socket or, below <c>/dev</c>, the device that the environment variable <c>XENSTORED_PATH</c> names; otherwise xenstored's usual
    /// socket (in dom0) or <c>/dev/xen/xenbus</c> (in a guest), whichever is found first. This is libxenstore's order.
    /// </summary>
    /// <exception cref="XenStoreException">None of them exists.</exception>
    public static IXenStoreTransport FindLocal()
    {
        if (Environment.GetEnvironmentVariable("XENSTORED_PATH") is { Length: > 0 } named)
        {
            return named.StartsWith("/dev/", StringComparison.Ordinal)
                ? new XenStoreDeviceTransport(named) : new XenStoreSocketTransport(named);
        }

        foreach (string socket in Sockets)
        {
            if (File.Exists(socket))
            {
                return new XenStoreSocketTransport(socket);
            }
        }

        return File.Exists(Device)
            ? new XenStoreDeviceTransport(Device)
            : throw new XenStoreException(XenStoreError.ConnectionClosed,
                $"no xenstore found: neither the socket {string.Join(" or ", Sockets)} nor {Device} exists (XENSTORED_PATH names another)");
    }
}
