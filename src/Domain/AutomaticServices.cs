using Xenlet.Kernel;

namespace Xenlet.Domain;

/// <summary>
/// Answers the tool stack for a program that does not do so itself: it opens the domain's xenstore and runs services on it whenever the
/// program has not opened it. Everything runs on threads of its own.
/// </summary>
internal sealed class AutomaticServices : IXenStoreStandIn
{
    private readonly IMachine _machine;
    private readonly StartServices _start;
    private readonly DomainControlOptions _options;
    private readonly AsyncSignal _isFree = new();
    private readonly Lock _lock = new();
    private Turn? _turn;

    private AutomaticServices(IMachine machine, StartServices start, DomainControlOptions options)
    {
        _machine = machine;
        _start = start;
        _options = options;
    }

    /// <summary>Starts services over a link, which is disposed of with them, or when they fail to start.</summary>
    /// <param name="machine">The guest.</param>
    /// <param name="link">The guest's link to xenstore.</param>
    /// <param name="loop">The loop that follows the tool stack's requests. The caller keeps it.</param>
    /// <param name="options">Options of control, except for the loop.</param>
    /// <param name="cancellationToken">Cancels the start; whatever has started is stopped.</param>
    /// <exception cref="Xenlet.XenStoreRing.XenStoreException">xenstore does not answer.</exception>
    public delegate ValueTask<IAsyncDisposable> StartServices(
        IMachine machine, IXenStoreLink link, EventLoop loop, DomainControlOptions options, CancellationToken cancellationToken);

    /// <summary>Starts to serve, for as long as the program runs, and returns at once. A failure is a line on the console.</summary>
    /// <param name="machine">The guest.</param>
    /// <param name="start">Starts the services: those of <see cref="ControlServices"/> or of <see cref="DomainServices"/>.</param>
    /// <param name="options">Options of control.</param>
    public static void Start(IMachine machine, StartServices start, DomainControlOptions? options = null)
    {
        options ??= new();
        try
        {
            AutomaticServices services = new(machine, start, options);
            services.StepIn();
            EventLoop loop = new("domain control");
            EventLoop.Start(loop, () => services.RunAsync(loop));
        }
        catch (OutOfMemoryException error)
        {
            ReportFailure(error, options);
        }
    }

    /// <summary>Writes a line that says why there are no services.</summary>
    /// <param name="error">The reason.</param>
    /// <param name="options">Options of control: where the line goes.</param>
    public static void ReportFailure(Exception error, DomainControlOptions? options = null) =>
        new ControlOutput(options?.Output ?? Console.OpenStandardError()).Message($"nobody answers the tool stack: {error.Message}");

    /// <inheritdoc/>
    public void StandAside()
    {
        Turn? turn;
        lock (_lock)
        {
            turn = _turn;
        }

        turn?.End();
    }

    /// <inheritdoc/>
    public void StepIn() => _isFree.Set();

    private async Task RunAsync(EventLoop loop)
    {
        while (true)
        {
            await _isFree.WaitAsync(CancellationToken.None).ConfigureAwait(EventLoop.IsCurrent);
            using Turn turn = new();
            SetTurn(turn);
            try
            {
                await ServeAsync(loop, turn.Wanted).ConfigureAwait(EventLoop.IsCurrent);
            }
            catch (OperationCanceledException) when (turn.Wanted.IsCancellationRequested)
            {
                // The program wants to open the domain's xenstore.
            }
            catch (Exception error)
            {
                ReportFailure(error, _options);
            }
            finally
            {
                SetTurn(null);
                turn.HasEnded();
            }
        }
    }

    private void SetTurn(Turn? turn)
    {
        lock (_lock)
        {
            _turn = turn;
        }
    }

    private async Task ServeAsync(EventLoop loop, CancellationToken cancellationToken)
    {
        if (_machine.XenStore.TryOpen(this) is not { } link)
        {
            return;
        }

        IAsyncDisposable services = await _start(_machine, link, loop, _options, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        await using (services.ConfigureAwait(EventLoop.IsCurrent))
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        }
    }

    /// <summary>A period in which the program has not opened the domain's xenstore.</summary>
    private sealed class Turn : IDisposable
    {
        private readonly CancellationTokenSource _wanted = new();
        private readonly TaskCompletionSource _ended = new();

        /// <summary>Cancelled when the program wants to open xenstore.</summary>
        public CancellationToken Wanted => _wanted.Token;

        /// <summary>Ends the turn and waits until it has ended. Called on another thread than the one that serves.</summary>
        public void End()
        {
            try
            {
                _wanted.Cancel();
            }
            catch (ObjectDisposedException)
            {
                // The turn has just ended without this.
            }

            _ended.Task.Wait();
        }

        /// <summary>The services of the turn are stopped, and its link is closed.</summary>
        public void HasEnded() => _ended.SetResult();

        public void Dispose() => _wanted.Dispose();
    }
}
