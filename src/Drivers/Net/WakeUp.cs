using System.Threading.Tasks.Sources;

namespace Xenlet.Drivers;

/// <summary>A signal that one waiter at a time awaits, without garbage. A signal that nobody waits for ends the next wait at once.</summary>
internal sealed class WakeUp : IValueTaskSource
{
    private readonly Lock _gate = new();
    private ManualResetValueTaskSourceCore<bool> _wait = new() { RunContinuationsAsynchronously = true };
    private CancellationToken _token;
    private CancellationTokenRegistration _cancellation;
    private bool _isSet;
    private bool _isWaiting;

    public void Set()
    {
        lock (_gate)
        {
            if (_isWaiting)
            {
                _isWaiting = false;
                _wait.SetResult(true);
            }
            else
            {
                _isSet = true;
            }
        }
    }

    /// <exception cref="InvalidOperationException">Somebody waits already.</exception>
    public ValueTask WaitAsync(CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (_isWaiting)
            {
                throw new InvalidOperationException("Somebody waits already.");
            }

            if (cancellationToken.IsCancellationRequested)
            {
                return ValueTask.FromCanceled(cancellationToken);
            }

            if (_isSet)
            {
                _isSet = false;
                return ValueTask.CompletedTask;
            }

            _wait.Reset();
            _isWaiting = true;
            _token = cancellationToken;
            ValueTask task = new(this, _wait.Version);
            _cancellation = cancellationToken.UnsafeRegister(static (wakeUp, token) => ((WakeUp)wakeUp!).Cancel(token), this);
            return task;
        }
    }

    void IValueTaskSource.GetResult(short token)
    {
        _cancellation.Unregister();
        _wait.GetResult(token);
    }

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _wait.GetStatus(token);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _wait.OnCompleted(continuation, state, token, flags);

    private void Cancel(CancellationToken token)
    {
        lock (_gate)
        {
            // A callback that comes late must not end a later wait with another token.
            if (_isWaiting && _token == token)
            {
                _isWaiting = false;
                _wait.SetException(new OperationCanceledException(token));
            }
        }
    }
}
