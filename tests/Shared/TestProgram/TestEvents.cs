using Xunit.Abstractions;

namespace Xenlet.Tests;

/// <summary>Collects what xunit reports, and shows each failure at once.</summary>
internal sealed class TestEvents : LongLivedMarshalByRefObject, IMessageSink, IDisposable
{
    private readonly Lock _lock = new();
    private readonly List<ITestCase> _cases = [];
    private readonly List<TestEnd> _ends = [];
    private readonly Dictionary<ITest, DateTime> _running = [];
    private readonly ManualResetEventSlim _isDiscovered = new();
    private readonly ManualResetEventSlim _isFinished = new();
    private readonly TimeSpan _limit;
    private readonly System.Threading.Timer _watch;

    /// <summary>Nothing has been reported yet.</summary>
    /// <param name="limit">How long nothing may be reported before the process ends and names the tests that are running.</param>
    public TestEvents(TimeSpan limit)
    {
        _limit = limit;
        _watch = new System.Threading.Timer(_ => EndHung(), null, limit, Timeout.InfiniteTimeSpan);
    }

    /// <summary>The ends of tests, and what failed beside them.</summary>
    public IReadOnlyList<TestEnd> Ends => _ends;

    /// <summary>Waits until all tests are found, and returns them.</summary>
    public IReadOnlyList<ITestCase> WaitForCases()
    {
        _isDiscovered.Wait();
        return _cases;
    }

    /// <summary>Waits until the last test has ended.</summary>
    public void WaitForEnd() => _isFinished.Wait();

    /// <inheritdoc/>
    public bool OnMessage(IMessageSinkMessage message)
    {
        lock (_lock)
        {
            _watch.Change(_limit, Timeout.InfiniteTimeSpan);
            switch (message)
            {
                case ITestCaseDiscoveryMessage found:
                    _cases.Add(found.TestCase);
                    break;
                case IDiscoveryCompleteMessage:
                    _isDiscovered.Set();
                    break;
                case ITestStarting starting:
                    _running[starting.Test] = DateTime.UtcNow;
                    break;
                case ITestFailed failed:
                    End(failed, TestEnd.Failed, Text(failed));
                    break;
                case ITestPassed passed:
                    End(passed, TestEnd.Passed, null);
                    break;
                case ITestSkipped skipped:
                    End(skipped, TestEnd.NotExecuted, skipped.Reason);
                    break;
                case ITestAssemblyFinished:
                    _isFinished.Set();
                    break;

                // A fixture or a test that cannot be disposed of, or an error of xunit.
                case IFailureInformation failure:
                    string what = message.GetType().Name;
                    Add(new TestEnd(what, TestEnd.Failed, DateTime.UtcNow, TimeSpan.Zero, Text(failure), ""));
                    break;
                case IDiagnosticMessage diagnostic:
                    Console.WriteLine(diagnostic.Message);
                    break;
            }
        }

        return true;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _watch.Dispose();
        _isDiscovered.Dispose();
        _isFinished.Dispose();
    }

    private static string Text(IFailureInformation failure) => string.Join(
        "\n--- and\n",
        failure.Messages.Zip(failure.ExceptionTypes, failure.StackTraces).Select(one => $"{one.Second}: {one.First}\n{one.Third}"));

    private void End(ITestResultMessage result, string outcome, string? message)
    {
        _running.Remove(result.Test, out DateTime started);
        TimeSpan duration = TimeSpan.FromSeconds((double)result.ExecutionTime);
        Add(new TestEnd(result.Test.DisplayName, outcome, started, duration, message, result.Output ?? ""));
    }

    private void Add(TestEnd end)
    {
        _ends.Add(end);
        if (end.Outcome == TestEnd.Failed)
        {
            Console.WriteLine($"FAILED after {end.Duration}: {end.Name}\n{end.Message}\n{end.Output}");
        }
    }

    private void EndHung()
    {
        lock (_lock)
        {
            string running = string.Join("\n  ", _running.Keys.Select(test => test.DisplayName));
            Console.WriteLine($"nothing was heard of the tests for {_limit}. These were running:\n  {running}");
            Environment.FailFast("the tests hang");
        }
    }
}
