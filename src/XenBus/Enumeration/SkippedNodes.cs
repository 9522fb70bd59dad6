namespace Xenlet.XenBus.Enumeration;

/// <summary>
/// The nodes that are no devices of this bus: those that it skips, with the reason, and those of devices that it gave up. All members may
/// be called from any thread.
/// </summary>
internal sealed class SkippedNodes
{
    private readonly LastReports _reasons = new();
    private readonly HashSet<string> _givenUp = new(StringComparer.Ordinal);

    /// <summary>All these nodes; one may be named twice.</summary>
    public IEnumerable<string> Nodes
    {
        get
        {
            lock (_givenUp)
            {
                return [.. _reasons.Paths, .. _givenUp];
            }
        }
    }

    /// <summary>Notes why a node is skipped; whether that is another reason than the last time.</summary>
    public bool Skip(string node, string reason) => _reasons.IsNew(node, reason);

    /// <summary>A node is skipped no more: nothing is there, or a device.</summary>
    public void Forget(string node) => _reasons.Forget(node);

    /// <summary>
    /// A device's driver failed, and its state could not be set to Closed: it looks like a new one, and is none until its state has been
    /// another.
    /// </summary>
    public void GiveUp(string node)
    {
        lock (_givenUp)
        {
            _givenUp.Add(node);
        }
    }

    /// <summary>The node's state has been another since the device was given up.</summary>
    public void Readmit(string node)
    {
        lock (_givenUp)
        {
            _givenUp.Remove(node);
        }
    }

    /// <summary>Whether the device at a node was given up, and its state has not been another since.</summary>
    public bool IsGivenUp(string node)
    {
        lock (_givenUp)
        {
            return _givenUp.Contains(node);
        }
    }

    /// <summary>Forgets all: after a resume each node is judged anew.</summary>
    public void Clear()
    {
        _reasons.Clear();
        lock (_givenUp)
        {
            _givenUp.Clear();
        }
    }
}
