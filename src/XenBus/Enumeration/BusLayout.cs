using Xenlet.XenStoreRing;

namespace Xenlet.XenBus.Enumeration;

/// <summary>Where a bus keeps what in the store.</summary>
/// <param name="Node">The bus's directory, relative to our domain's.</param>
/// <param name="IdComponents">How many names a device's id has; its node is <c>NODE/TYPE/ID</c>.</param>
/// <param name="OtherEndNode">The node below a device that holds the other end's path.</param>
/// <param name="OtherEndIdNode">The node below a device that holds the other end's domain.</param>
internal sealed record BusLayout(string Node, int IdComponents, string OtherEndNode, string OtherEndIdNode)
{
    /// <summary>Whether a path at or below the bus's directory is the node of a device, and not a directory above devices.</summary>
    public bool IsDevice(string path) => path.AsSpan(Node.Length).Count('/') == IdComponents + 1;

    /// <summary>The device's name in messages, <c>TYPE/ID</c>.</summary>
    public string NameOf(string deviceNode) => deviceNode[(Node.Length + 1)..];

    /// <summary>Splits a device's name into type and id.</summary>
    public (string Type, string Id) TypeAndId(string deviceNode)
    {
        string name = NameOf(deviceNode);
        int slash = name.IndexOf('/', StringComparison.Ordinal);
        return (name[..slash], name[(slash + 1)..]);
    }

    /// <summary>Whether a path is the bus's directory or lies below it.</summary>
    public bool Contains(string path) => XenStorePath.IsAtOrBelow(path, Node);

    /// <summary>
    /// Splits a path into the device's node and what changed there: the rest of the path, which is empty or begins with a slash.
    /// <see langword="null"/> when the path ends above the devices.
    /// </summary>
    public (string DeviceNode, string Change)? Split(string path)
    {
        // A device's path has the components of the bus's directory, one for the type, and those of the id.
        int end = Node.Length;
        for (int component = 0; component <= IdComponents; component++)
        {
            if (end >= path.Length)
            {
                return null;
            }

            int slash = path.IndexOf('/', end + 1);
            end = slash < 0 ? path.Length : slash;
        }

        return (path[..end], path[end..]);
    }
}
