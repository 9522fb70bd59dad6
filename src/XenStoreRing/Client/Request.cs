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
/// on the loop that the caller runs on, else on a thread pool thread or on one that another relieves of reading, so that no caller's code
/// holds up the reader.
/// </summary>
internal abstract class Request : IThreadPoolWorkItem
{
    /// <summary>The <see cref="Started"/> of a request whose time is never up.</summary>
    public const long NoTimeLimit = long.MaxValue;

    public XenStoreConnection Connection { get; private set; } = null!;

    public RequestMessage Message { get; private set; }

    public XenStoreMessageType Type => Message.Type;

    public uint TransactionId => Message.TransactionId;

    /// <summary>Goes out before what is queued, also while the connection is being resumed.</summary>
    public bool Urgent { get; set; }

    /// <summary>The loop that the caller runs on, if it does, and goes on by.</summary>
    public EventLoop? Loop { get; private set; }

    public RequestState State { get; set; }

    /// <summary>When the request was handed in, as a timestamp of the connection's clock.</summary>
    public long Started { get; set; }

    /// <summary>The next one in the queue.</summary>
    public Request? Next { get; set; }

    /// <summary>Makes the result of a reply that is not an error. Called under the gate.</summary>
    public abstract void SetReply(ReadOnlySpan<byte> body);

    /// <summary>Makes the result of an ERROR reply. Called under the gate.</summary>
    public abstract void SetError(XenStoreError error, string name);

    /// <summary>Sets a failure as the result. Called under the gate.</summary>
    public abstract void SetFailure(Exception failure);

    /// <summary>Hands the result to the waiter.</summary>
    public abstract void Execute();

    /// <summary>Ends the request with its result, which has been set. Called under the gate.</summary>
    public void HandOver()
    {
        State = RequestState.Done;
        if (Loop is { } loop)
        {
            loop.Queue(this);
        }
        else
        {
            ReadingThread.Queue(this);
        }
    }

    /// <summary>Ends the request with a failure. Called under the gate.</summary>
    public void Fail(Exception failure)
    {
        SetFailure(failure);
        HandOver();
    }

    /// <summary>Ends the request because the connection has ended. Called under the gate.</summary>
    public void FailClosed(XenStoreException reason) => Fail(Failure(
        reason.Error == XenStoreError.ProtocolViolation ? reason.Error : XenStoreError.ConnectionClosed, reason.Message, reason));

    public XenStoreException Failure(XenStoreError error, string detail, Exception? inner = null) =>
        new(Type, Message.Subject, error, error.ToWireName(), detail, inner);

    private protected void Set(XenStoreConnection connection, in RequestMessage message)
    {
        Connection = connection;
        Message = message;
        Urgent = false;
        Loop = EventLoop.Current;
        State = RequestState.New;
        Next = null;
    }

    private protected void Forget()
    {
        Connection = null!;
        Loop = null;
        Message = default;
    }
}
