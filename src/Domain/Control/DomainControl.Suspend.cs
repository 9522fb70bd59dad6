using Xenlet.Kernel;
using Xenlet.XenBus;
using Xenlet.XenStoreRing;

namespace Xenlet.Domain;

/// <summary>Suspend and resume.</summary>
public sealed partial class DomainControl
{
    private const string ErrorNode = "error/control/suspend/error";
    private const string IsEnding = "the program is ending";

    /// <summary>
    /// Asks to be told of suspends. Preparations are made before any driver is told, the latest addition's first; the ends are told when
    /// all drivers work again, the earliest addition's first.
    /// </summary>
    /// <param name="before">
    /// Prepares. One that throws refuses the suspend, and so does <see cref="DomainControlOptions.PreparationTimeLimit"/>, at which its
    /// token is cancelled: the domain goes on as it was.
    /// </param>
    /// <param name="after">Is told how it ended, if the preparation was made.</param>
    /// <returns>Takes both back.</returns>
    public IDisposable OnSuspend(Func<CancellationToken, ValueTask>? before = null, Func<SuspendOutcome, ValueTask>? after = null) =>
        _hooks.Add(before, after);

    /// <param name="acknowledged">When the request was acknowledged, by the options' clock: the tool stack counts from there.</param>
    private async Task SuspendAsync(long acknowledged)
    {
        if (_isEnding)
        {
            await RefuseAsync(IsEnding).ConfigureAwait(EventLoop.IsCurrent);
            return;
        }

        SuspendOutcome outcome = SuspendOutcome.Refused;
        string? refusal;
        List<SuspendHooks.Hook> prepared = [];
        using SuspendDeadline deadline = new(_options.SuspendTimeLimit, acknowledged, _options.TimeProvider);
        try
        {
            TimeSpan limit = deadline.Left < _options.PreparationTimeLimit ? deadline.Left : _options.PreparationTimeLimit;
            refusal = await _hooks.PrepareAsync(limit, prepared, _disposal.Token).ConfigureAwait(EventLoop.IsCurrent);
            if (refusal is null)
            {
                (outcome, refusal) = await SuspendDomainAsync(deadline).ConfigureAwait(EventLoop.IsCurrent);
            }
        }
        finally
        {
            await _hooks.FinishAsync(prepared, outcome).ConfigureAwait(EventLoop.IsCurrent);
        }

        if (refusal is not null)
        {
            await RefuseAsync(refusal).ConfigureAwait(EventLoop.IsCurrent);
        }
    }

    /// <summary>Brings buses and store to rest, suspends, and brings them back.</summary>
    /// <returns>How it went, and what kept the domain from being suspended, if anything did.</returns>
    private async Task<(SuspendOutcome Outcome, string? Refusal)> SuspendDomainAsync(SuspendDeadline deadline)
    {
        string? refusal = null;
        bool isResumed = false;
        using CancellationTokenSource ended = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, _disposal.Token);
        try
        {
            SuspendOutcome outcome = await DomainSuspend.RunAsync(_store, _buses, Suspend, Hear, ended.Token)
                .ConfigureAwait(EventLoop.IsCurrent);
            if (outcome == SuspendOutcome.Resumed)
            {
                // The nodes of this domain are new.
                await AdvertiseAsync(_disposal.Token).ConfigureAwait(EventLoop.IsCurrent);
            }

            return (refusal is null ? outcome : SuspendOutcome.Refused, refusal);
        }
        catch (Exception error) when (isResumed && error is (OperationCanceledException or XenStoreException))
        {
            // All this is being disposed of while xenstore is looked for.
            return (SuspendOutcome.Resumed, null);
        }
        catch (OperationCanceledException) when (deadline.IsOver)
        {
            return (SuspendOutcome.Refused, deadline.ToString());
        }
        catch (Exception error) when (error is XenStoreException or TimeoutException)
        {
            return (SuspendOutcome.Refused, error.Message);
        }

        void Hear(SuspendReport report)
        {
            if (!report.IsReady)
            {
                refusal = report.ToString();
            }
            else if (report.Late.Count > 0)
            {
                _output.Message($"suspend: {report}");
            }
        }

        ValueTask<Func<IXenStoreTransport>?> Suspend()
        {
            // A timer may be late; a suspend that the tool stack has given up leaves the domain shut down for ever. One whose program has
            // ended meanwhile would be saved to do nothing but end.
            if (deadline.IsOver || _isEnding)
            {
                refusal = _isEnding ? IsEnding : deadline.ToString();
                return new((Func<IXenStoreTransport>?)null);
            }

            try
            {
                if (_power.Suspend() == SuspendResult.Cancelled)
                {
                    return new((Func<IXenStoreTransport>?)null);
                }
            }
            catch (XenException error)
            {
                refusal = error.Message;
                return new((Func<IXenStoreTransport>?)null);
            }

            // From here on it waits for the store, which has no deadline.
            isResumed = true;
            deadline.Stop();
            return new(_findStoreAgain);
        }
    }

    /// <summary>
    /// There is no answer to a suspend but the suspend: the tool stack gives up after 60 seconds. So it is said where people look.
    /// </summary>
    private async Task RefuseAsync(string why)
    {
        string text = $"the suspend is refused: {why}";
        _output.Message(text);
        try
        {
            await _store.WriteAsync(ErrorNode, $"{(int)XenErrno.EBUSY} {text}", _disposal.Token).ConfigureAwait(EventLoop.IsCurrent);
        }
        catch (XenStoreException failure)
        {
            _output.Message($"{ErrorNode} cannot be written: {failure.Message}");
        }
    }
}
