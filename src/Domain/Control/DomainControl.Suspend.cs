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
    /// Adds callbacks for suspends. Those before the suspend are called before any driver is, the one added last first; those after it are
    /// called when all drivers work again, the one added first first.
    /// </summary>
    /// <param name="before">
    /// Prepares for the suspend. If it throws, or exceeds <see cref="DomainControlOptions.PreparationTimeLimit"/>, at which its token is
    /// cancelled, the suspend is refused and the domain continues.
    /// </param>
    /// <param name="after">Receives the outcome, if the preparation succeeded.</param>
    /// <returns>Removes both when it is disposed of.</returns>
    public IDisposable OnSuspend(Func<CancellationToken, ValueTask>? before = null, Func<SuspendOutcome, ValueTask>? after = null) =>
        _hooks.Add(before, after);

    /// <param name="acknowledged">When the request was acknowledged, by the options' clock. The tool stack's limit starts there.</param>
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

    /// <summary>Suspends buses and store, suspends the domain, and resumes them.</summary>
    /// <returns>The outcome, and the reason if the suspend was refused.</returns>
    private async Task<(SuspendOutcome Outcome, string? Refusal)> SuspendDomainAsync(SuspendDeadline deadline)
    {
        string? refusal = null;
        bool isResumed = false;
        using CancellationTokenSource ended = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, _disposal.Token);
        try
        {
            SuspendOutcome outcome = await DomainSuspend.RunAsync(_store, _buses, Suspend, OnReport, ended.Token)
                .ConfigureAwait(EventLoop.IsCurrent);
            if (outcome == SuspendOutcome.Resumed)
            {
                // The domain has new, empty nodes.
                await AdvertiseAsync(_disposal.Token).ConfigureAwait(EventLoop.IsCurrent);
            }

            return (refusal is null ? outcome : SuspendOutcome.Refused, refusal);
        }
        catch (Exception error) when (isResumed && error is (OperationCanceledException or XenStoreException))
        {
            // Control is being disposed of while the client reconnects to xenstore.
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

        void OnReport(SuspendReport report)
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
            // A timer may be late, and after the tool stack has given up a suspend leaves the domain shut down for ever. A domain whose
            // program has ended would be saved only to end after its restore.
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

            // From here on this waits for the store, without a deadline.
            isResumed = true;
            deadline.Stop();
            return new(_findStoreAgain);
        }
    }

    /// <summary>
    /// Reports a refusal on the console and in an error node. The protocol has no answer for it: the tool stack gives up after 60 seconds.
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
