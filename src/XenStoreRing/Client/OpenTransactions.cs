namespace Xenlet.XenStoreRing.Client;

/// <summary>
/// The transactions that the server keeps open for this client, and those that it may still keep though their connection was lost. Guarded
/// by the connection's gate.
/// </summary>
internal sealed class OpenTransactions
{
    private readonly HashSet<uint> _open = [];
    private readonly HashSet<uint> _lost = [];

    /// <summary>The open ones.</summary>
    public IReadOnlyCollection<uint> Ids => _open;

    public int Count => _open.Count;

    /// <summary>Those of connections that were lost. The same xenstored would keep them open for ever.</summary>
    public uint[] Lost => [.. _lost];

    public bool Contains(uint id) => _open.Contains(id);

    /// <summary>Takes note of the reply to TRANSACTION_START; <see langword="false"/> when it holds no transaction's number.</summary>
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

    /// <summary>Takes note of a reply to TRANSACTION_END: whatever it says, the server does not have the transaction any more.</summary>
    public void End(uint id) => _open.Remove(id);

    /// <summary>The connection was lost, and those that are open with it.</summary>
    public void Lose()
    {
        _lost.UnionWith(_open);
        _open.Clear();
    }

    /// <summary>The server has been told to end those that were lost.</summary>
    public void ForgetLost() => _lost.Clear();

    /// <summary>The connection has ended for good.</summary>
    public void Clear() => _open.Clear();
}
