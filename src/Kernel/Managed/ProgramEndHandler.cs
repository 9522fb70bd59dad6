using System.Runtime.Loader;

namespace Xenlet.Kernel;

/// <summary>
/// Runs an action when the program ends, after the program's own exit handlers. <see cref="AppDomain.ProcessExit"/> calls its handlers in
/// the order in which they were added, and .NET raises <see cref="AssemblyLoadContext.Unloading"/> before it: a handler added there runs
/// last.
/// </summary>
internal sealed class ProgramEndHandler : IDisposable
{
    private readonly Action _last;

    public ProgramEndHandler(Action last)
    {
        _last = last;
        AssemblyLoadContext.Default.Unloading += OnUnloading;
    }

    public void Dispose()
    {
        AssemblyLoadContext.Default.Unloading -= OnUnloading;
        AppDomain.CurrentDomain.ProcessExit -= OnProcessExit;
    }

    private void OnUnloading(AssemblyLoadContext context) => AppDomain.CurrentDomain.ProcessExit += OnProcessExit;

    private void OnProcessExit(object? sender, EventArgs e) => _last();
}
