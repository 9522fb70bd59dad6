using System.Threading.Tasks.Sources;

namespace Xenlet.XenStoreRing.Client;

/// <summary>A request with a result of type <typeparamref name="T"/>. It is reused once its result has been taken.</summary>
internal sealed class Request<T> : Request, IValueTaskSource<T>, IValueTaskSource
{
    private const int MaxPooled = 32;

    private static readonly Lock PoolLock = new();
    private static Request? s_pool;
    private static int s_pooled;

    private ManualResetValueTaskSourceCore<T> _source;
    private CancellationTokenRegistration _registration;
    private Decoder<T> _decoder = null!;
    private T _result = default!;
    private Exception? _failure;

    private Request()
    {
    }

    /// <summary>The caller's memory, for a <see cref="Decoder{T}"/> that uses it.</summary>
    public Memory<byte> Destination { private get; set; }

    /// <summary>Whether ENOENT is a result, the default of <typeparamref name="T"/>, and not a failure.</summary>
    public bool AbsentIsDefault { private get; set; }

    /// <summary>Returns a request that is not submitted yet.</summary>
    public static Request<T> Rent(XenStoreConnection connection, in RequestMessage message, Decoder<T> decoder)
    {
        Request<T>? request;
        lock (PoolLock)
        {
            request = (Request<T>?)s_pool;
            if (request is not null)
            {
                s_pool = request.Next;
                s_pooled--;
            }
        }

        request ??= new();
        request.Set(connection, message);
        request._decoder = decoder;
        return request;
    }

    /// <summary>Submits the request.</summary>
    public ValueTask<T> Start(CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<T>(cancellationToken);
        }

        Submit(cancellationToken);
        return new(this, _source.Version);
    }

    /// <summary>Submits the request. The caller wants no result.</summary>
    public ValueTask StartWithoutResult(CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled(cancellationToken);
        }

        Submit(cancellationToken);
        return new(this, _source.Version);
    }

    public override void SetReply(ReadOnlySpan<byte> body)
    {
        try
        {
            _result = _decoder(body, Destination);
        }
        catch (DecodeException error)
        {
            _failure = Failure(error.Error, error.Message);
        }
    }

    public override void SetError(XenStoreError error, string name)
    {
        if (error == XenStoreError.ENOENT && AbsentIsDefault)
        {
            _result = default!;
            return;
        }

        _failure = new XenStoreException(Type, Message.Subject, error, name, XenStoreErrorNames.Explain(error));
    }

    public override void SetFailure(Exception failure) => _failure = failure;

    public override void Execute()
    {
        if (_failure is not null)
        {
            _source.SetException(_failure);
        }
        else
        {
            _source.SetResult(_result);
        }
    }

    public T GetResult(short token)
    {
        try
        {
            return _source.GetResult(token);
        }
        finally
        {
            Return(token);
        }
    }

    void IValueTaskSource.GetResult(short token) => GetResult(token);

    public ValueTaskSourceStatus GetStatus(short token) => _source.GetStatus(token);

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        // On a loop, the scheduling context is not needed: the result is delivered on the loop that waits for it.
        _source.OnCompleted(
            continuation, state, token, Loop is null ? flags : flags & ~ValueTaskSourceOnCompletedFlags.UseSchedulingContext);

    private void Submit(CancellationToken cancellationToken)
    {
        Connection.Submit(this);
        if (cancellationToken.CanBeCanceled)
        {
            // The result has not been taken yet, so the request cannot have been reused.
            _registration = cancellationToken.UnsafeRegister(
                static (state, token) => ((Request<T>)state!).Cancel(token), this);
        }
    }

    private void Cancel(CancellationToken cancellationToken) => Connection.Cancel(this, cancellationToken);

    private void Return(short token)
    {
        if (_source.Version != token || _source.GetStatus(token) == ValueTaskSourceStatus.Pending)
        {
            // A ValueTask awaited twice or before it was ready: the request must not be returned to the pool.
            return;
        }

        // Waits for a cancellation that is running on another thread.
        _registration.Dispose();
        _registration = default;
        _source.Reset();
        _decoder = null!;
        Destination = default;
        AbsentIsDefault = false;
        _result = default!;
        _failure = null;
        Forget();
        lock (PoolLock)
        {
            if (s_pooled < MaxPooled)
            {
                Next = s_pool;
                s_pool = this;
                s_pooled++;
            }
        }
    }
}
