namespace Xenlet.GuestImage.SocketTable;

/// <summary>One row of the table of what sockets do.</summary>
/// <param name="Name">Its name, which no other row has.</param>
/// <param name="Run">Does it, and writes down what comes of each step.</param>
internal sealed record SocketRow(string Name, Func<SocketTrace, Task> Run)
{
    public SocketRow(string name, Action<SocketTrace> run)
        : this(name, trace =>
        {
            run(trace);
            return Task.CompletedTask;
        })
    {
    }
}
