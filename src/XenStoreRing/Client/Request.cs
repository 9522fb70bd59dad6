using Xenlet.Kernel;

namespace Xenlet.XenStoreRing.Client;

/// <summary>The state of a request.</summary>
internal enum RequestState
{
    /// <summary>Not submitted yet.</summary>
    New,

    /// <summary>Waiting to be written.</summary>
    Queued,

    /// <summary>Being written or written, and without a reply.</summary>
    Sent,

    /// <summary>It has its result.</summary>
    Done,
}

/// <summary>
/// A request: its message and its waiter. Every field that changes is guarded by the connection's lock. The result is delivered on the
/// caller's loop, or else on a thread pool thread or on a reading thread that another one relieves, so that no caller's code delays the
/// reader.
/// </summary>
internal abstract class Request : IThreadPoolWorkItem
{
    /// <summary>The value of <see cref="Started"/> for a request without a time limit.</summary>
    public const long NoTimeLimit = long.MaxValue;

    public XenStoreConnection Connection { get; private set; } = null!;

    public RequestMessage Message { get; private set; }

    public XenStoreMessageType Type => Message.Type;

    public uint TransactionId => Message.TransactionId;

    /// <summary>Whether it is sent before queued requests, even while the connection is being resumed.</summary>
    public bool Urgent { get; set; }

    /// <summary>The loop that the caller runs and will continue on, or null.</summary>
    public EventLoop? Loop { get; private set; }

    public RequestState State { get; set; }

    /// <summary>When the request was submitted, as a timestamp of the connection's clock.</summary>
    public long Started { get; set; }

    /// <summary>The next one in the queue.</summary>
    public Request? Next { get; set; }

    /// <summary>Sets the result from a reply that is not an error. Called under the lock.</summary>
    public abstract void SetReply(ReadOnlySpan<byte> body);

    /// <summary>Sets the result from an ERROR reply. Called under the lock.</summary>
    public abstract void SetError(XenStoreError error, string name);

    /// <summary>Sets a failure as the result. Called under the lock.</summary>
    public abstract void SetFailure(Exception failure);

    /// <summary>Delivers the result to the waiter.</summary>
    public abstract void Execute();

    /// <summary>Ends the request with the result that has been set. Called under the lock.</summary>
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

    /// <summary>Ends the request with a failure. Called under the lock.</summary>
    public void Fail(Exception failure)
    {
        SetFailure(failure);
        HandOver();
    }

    /// <summary>Ends the request because the connection has ended. Called under the lock.</summary>
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
