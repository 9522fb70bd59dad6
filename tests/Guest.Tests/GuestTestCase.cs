using System.ComponentModel;
using Xunit.Abstractions;
using Xunit.Sdk;

namespace Xenlet.Guest.Tests;

/// <summary>A test case that is run again when QEMU has failed its guest. What xunit is told of it is told of the last run alone.</summary>
public sealed class GuestTestCase : XunitTestCase
{
    private const int Tries = 3;

    /// <summary>For xunit, which reads the rest from what it has written.</summary>
    [EditorBrowsable(EditorBrowsableState.Never)]
    [Obsolete("Called by xunit")]
    public GuestTestCase()
    {
    }

    /// <summary>Makes the test case of a method, with the arguments of one row of its data.</summary>
    public GuestTestCase(IMessageSink diagnostics, ITestFrameworkDiscoveryOptions options, ITestMethod method, object[]? arguments = null)
        : base(diagnostics, options.MethodDisplayOrDefault(), options.MethodDisplayOptionsOrDefault(), method, arguments)
    {
    }

    /// <inheritdoc/>
    public override async Task<RunSummary> RunAsync(
        IMessageSink diagnosticMessageSink, IMessageBus messageBus, object[] constructorArguments, ExceptionAggregator aggregator, CancellationTokenSource cancellationTokenSource)
    {
        for (int i = 1; ; i++)
        {
            using HeldMessages messages = new();
            ExceptionAggregator errors = new(aggregator);
            RunSummary summary = await base.RunAsync(diagnosticMessageSink, messages, constructorArguments, errors, cancellationTokenSource);
            if (i == Tries || !messages.TellOf(World.DeliveredTwice))
            {
                aggregator.Aggregate(errors);
                if (!messages.SendTo(messageBus))
                {
                    await cancellationTokenSource.CancelAsync();
                }

                return summary;
            }

            Console.Error.WriteLine($"{DisplayName} is run again, since QEMU has failed its guest: {World.DeliveredTwice}.");
        }
    }

    /// <summary>Keeps what a run tells.</summary>
    private sealed class HeldMessages : IMessageBus
    {
        private readonly Lock _gate = new();
        private readonly List<IMessageSinkMessage> _messages = [];

        public bool QueueMessage(IMessageSinkMessage message)
        {
            lock (_gate)
            {
                _messages.Add(message);
            }

            return true;
        }

        /// <summary>Whether the run failed with words in its messages.</summary>
        public bool TellOf(string words) =>
            _messages.OfType<IFailureInformation>().SelectMany(failure => failure.Messages).Any(text => text.Contains(words, StringComparison.Ordinal));

        /// <summary>False when the run as a whole is to stop.</summary>
        public bool SendTo(IMessageBus bus) => _messages.TrueForAll(bus.QueueMessage);

        public void Dispose()
        {
        }
    }
}
