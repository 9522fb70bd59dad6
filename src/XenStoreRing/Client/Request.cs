using System.Text;
using Xenlet.Kernel;

namespace Xenlet.XenStoreRing.Client;

/// <summary>Where a request is.</summary>
internal enum RequestState
{
    /// <summary>Not handed in yet.</summary>
    New,

    /// <summary>Waits to be written.</summary>
    Queued,

    /// <summary>Written, or being written, and not answered.</summary>
    Sent,

    /// <summary>Has its result.</summary>
    Done,
}

/// <summary>
/// One request: what to send, and who waits. Every field that changes is guarded by the connection's gate; the result is handed over
/// on the loop that the caller runs on, else on a thread pool thread, so that no caller's code runs on the reader.
/// </summary>
internal abstract class Request : IThreadPoolWorkItem
{
    internal XenStoreConnection Connection { get; private set; } = null!;

    internal XenStoreMessageType Type { get; private set; }

    internal uint TransactionId { get; private set; }

    /// <summary>The path, or the only argument; <see langword="null"/> when the payload is all in <see cref="Tail"/>.</summary>
    internal string? Subject { get; private set; }

    /// <summary>A second string: a watch's token, a directory's offset.</summary>
    internal string? Second { get; private set; }

    /// <summary>Bytes that end the payload, as they are. They belong to the caller, so they are not touched after cancellation.</summary>
    internal ReadOnlyMemory<byte> Tail { get; private set; }

    /// <summary>Goes out before what is queued, also while the connection is being resumed.</summary>
    internal bool Urgent { get; set; }

    /// <summary>The loop that the caller runs on, if it does, and goes on by.</summary>
    internal EventLoop? Loop { get; private set; }

    internal RequestState State { get; set; }

    /// <summary>When the request was handed in, as a timestamp of the connection's clock.</summary>
    internal long Started { get; set; }

    /// <summary>The next one in the queue.</summary>
    internal Request? Next { get; set; }

    /// <summary>Bytes of payload.</summary>
    internal int PayloadLength => (Subject is null ? 0 : Subject.Length + 1) + (Second is null ? 0 : Second.Length + 1) + Tail.Length;

    /// <summary>Writes the payload. Paths and tokens are ASCII: they were checked.</summary>
    internal void WritePayload(Span<byte> destination)
    {
        destination = WriteString(Subject, destination);
        destination = WriteString(Second, destination);
        Tail.Span.CopyTo(destination);
    }

    /// <summary>Makes the result of a reply that is not an error. Called under the gate.</summary>
    internal abstract void SetReply(ReadOnlySpan<byte> body);

    /// <summary>Makes the result of an ERROR reply. Called under the gate.</summary>
    internal abstract void SetError(XenStoreError error, string name);

    /// <summary>Sets a failure as the result. Called under the gate.</summary>
    internal abstract void SetFailure(Exception failure);

    /// <summary>Hands the result to the waiter.</summary>
    public abstract void Execute();

    internal XenStoreException Failure(XenStoreError error, string detail, Exception? inner = null) =>
        new(Type, Subject, error, error.ToWireName(), detail, inner);

    private protected void Set(
        XenStoreConnection connection, XenStoreMessageType type, uint transaction, string? subject, string? second, ReadOnlyMemory<byte> tail)
    {
        Connection = connection;
        Type = type;
        TransactionId = transaction;
        Subject = subject;
        Second = second;
        Tail = tail;
        Urgent = false;
        Loop = EventLoop.Current;
        State = RequestState.New;
        Next = null;
    }

    private protected void Forget()
    {
        Connection = null!;
        Loop = null;
        Subject = null;
        Second = null;
        Tail = default;
    }

    private static Span<byte> WriteString(string? text, Span<byte> destination)
    {
        if (text is null)
        {
            return destination;
        }

        int length = Encoding.ASCII.GetBytes(text, destination);
        destination[length] = 0;
        return destination[(length + 1)..];
    }
}
