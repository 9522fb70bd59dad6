namespace Xenlet.XenStoreRing.Client;

/// <summary>
/// The transactions that the server keeps open for this client, and those that it may still keep although their connection was lost.
/// Guarded by the connection's lock.
/// </summary>
internal sealed class OpenTransactions
{
    private readonly HashSet<uint> _open = [];
    private readonly HashSet<uint> _lost = [];

    /// <summary>The open transactions.</summary>
    public IReadOnlyCollection<uint> Ids => _open;

    public int Count => _open.Count;

    /// <summary>Transactions of lost connections. If it is the same xenstored, it would keep them open forever.</summary>
    public uint[] Lost => [.. _lost];

    public bool Contains(uint id) => _open.Contains(id);

    /// <summary>Records the reply to TRANSACTION_START. Returns <see langword="false"/> if it contains no transaction id.</summary>
    public bool TryBegin(ReadOnlySpan<byte> reply, out uint id)
    {
        try
        {
            id = Decoders.ReadTransactionId(reply);
        }
        catch (DecodeException)
        {
            id = 0;
            return false;
        }

        _open.Add(id);
        return true;
    }

    /// <summary>Records a reply to TRANSACTION_END. Whatever the reply, the server no longer has the transaction.</summary>
    public void End(uint id) => _open.Remove(id);

    /// <summary>The connection was lost, and the open transactions with it.</summary>
    public void Lose()
    {
        _lost.UnionWith(_open);
        _open.Clear();
    }

    /// <summary>The server has been told to end the lost transactions.</summary>
    public void ForgetLost() => _lost.Clear();

    /// <summary>The connection has ended for good.</summary>
    public void Clear() => _open.Clear();
}
