namespace Xenlet.Build;

/// <summary>
/// Keeps every processor busy with a thread of normal priority until it is disposed, so that everything else is interrupted at odd moments.
/// </summary>
internal sealed class BusyProcessors : IDisposable
{
    private readonly Thread[] _threads;
    private volatile bool _isStopping;

    /// <summary>Starts the threads.</summary>
    public BusyProcessors()
    {
        _threads = new Thread[Environment.ProcessorCount];
        for (int index = 0; index < _threads.Length; index++)
        {
            _threads[index] = new Thread(Spin) { IsBackground = true, Name = "busy" };
        }

        foreach (Thread thread in _threads)
        {
            thread.Start();
        }
    }

    /// <summary>Whether a thread still runs.</summary>
    public bool IsBusy => _threads.Any(thread => thread.IsAlive);

    /// <summary>Ends the threads. None runs afterwards.</summary>
    public void Dispose()
    {
        _isStopping = true;
        foreach (Thread thread in _threads)
        {
            thread.Join();
        }
    }

    private void Spin()
    {
        while (!_isStopping)
        {
        }
    }
}
