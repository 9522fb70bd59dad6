using System.Threading.Tasks.Sources;

namespace Xenlet.Kernel;

/// <summary>
/// A signal that one task at a time can await. Setting it lets the present wait, or else the next one, through; setting it twice is
/// setting it once. Waiting allocates nothing.
/// </summary>
public sealed class AsyncSignal : IValueTaskSource
{
    private readonly Lock _gate = new();
    private ManualResetValueTaskSourceCore<bool> _source = new() { RunContinuationsAsynchronously = true };
    private CancellationTokenRegistration _registration;
    private bool _isSet;
    private bool _isAwaited;

    /// <summary>Lets the present wait through, or else the next one.</summary>
    public void Set()
    {
        lock (_gate)
        {
            if (_isAwaited)
            {
                _isAwaited = false;
                _source.SetResult(true);
            }
            else
            {
                _isSet = true;
            }
        }
    }

    /// <summary>Waits for the signal; at once when it is set.</summary>
    /// <exception cref="InvalidOperationException">Another wait is under way.</exception>
    public ValueTask WaitAsync(CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled(cancellationToken);
        }

        short version;
        lock (_gate)
        {
            if (_isAwaited)
            {
                throw new InvalidOperationException("Another task is waiting already; one at a time may.");
            }

            if (_isSet)
            {
                _isSet = false;
                return ValueTask.CompletedTask;
            }

            _isAwaited = true;
            _source.Reset();
            version = _source.Version;
        }

        _registration = cancellationToken.UnsafeRegister(static (state, token) => ((AsyncSignal)state!).Cancel(token), this);
        return new(this, version);
    }

    void IValueTaskSource.GetResult(short token)
    {
        _registration.Dispose();
        _registration = default;
        _source.GetResult(token);
    }

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _source.GetStatus(token);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _source.OnCompleted(continuation, state, token, flags);

    private void Cancel(CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (_isAwaited)
            {
                _isAwaited = false;
                _source.SetException(new OperationCanceledException(cancellationToken));
            }
        }
    }
}
