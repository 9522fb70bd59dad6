using System.Management.Automation;
using System.Management.Automation.Language;
using System.Management.Automation.Runspaces;
using System.Runtime.InteropServices;

namespace Xenlet.PowerShellHost;

/// <summary>Runs one script file to its end, with this process's standard streams.</summary>
internal static class ScriptRunner
{
    private const int Failed = 1;
    private const int Interrupted = 128 + 2;
    private const int Terminated = 128 + 15;

    /// <summary>
    /// Runs <paramref name="path"/> with <paramref name="arguments"/>, each of which becomes a plain string in the script's <c>$args</c>.
    /// </summary>
    /// <returns>
    /// The status of the script's <c>exit</c>; 0 if it ran to its end, 1 if an error ended it (as with <c>pwsh -File</c>), 128 plus the
    /// signal's number if a signal did.
    /// </returns>
    public static int Run(string path, IReadOnlyList<string> arguments)
    {
        ScriptBlockAst script = Parser.ParseFile(path, out _, out ParseError[] errors);
        if (errors.Length > 0)
        {
            foreach (ParseError error in errors)
            {
                WriteError(error.Message, PositionOf(error.Extent));
            }

            return Failed;
        }

        ConsoleHost host = new();
        using Runspace runspace = RunspaceFactory.CreateRunspace(host, InitialSessionState.CreateDefault2());
        runspace.Open();
        using PowerShell shell = PowerShell.Create(runspace);
        shell.AddScript("param($script, $arguments) & $script @arguments")
            .AddArgument(script.GetScriptBlock())
            .AddArgument(arguments.ToArray());

        // Native commands inherit both streams only if Out-Default is the last command and the errors are merged into it.
        shell.Commands.Commands[0].MergeMyResults(PipelineResultTypes.Error, PipelineResultTypes.Output);
        shell.AddCommand("Out-Default");

        int stopped = 0;
        int interrupts = 0;
        void Stop(PosixSignalContext context, int status)
        {
            context.Cancel = true;
            if (Interlocked.CompareExchange(ref stopped, status, 0) == 0)
            {
                Children.Terminate();
                shell.BeginStop(null, null);
            }
        }

        // The terminal also sends Ctrl-C to what the script runs, which may have a machine to shut down, so the first one is left to it.
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, context =>
        {
            context.Cancel = true;
            if (Interlocked.Increment(ref interrupts) > 1 || !Children.Exist)
            {
                Stop(context, Interrupted);
            }
        });
        using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context => Stop(context, Terminated));

        try
        {
            shell.Invoke();
        }
        catch (PipelineStoppedException) when (stopped != 0)
        {
            return stopped;
        }
        catch (RuntimeException failure)
        {
            WriteError(failure.ErrorRecord.ToString(), failure.ErrorRecord.InvocationInfo?.PositionMessage);
            return Failed;
        }

        return stopped != 0 ? stopped : host.ExitStatus ?? 0;
    }

    private static string PositionOf(IScriptExtent extent) =>
        $"At {extent.File}:{extent.StartLineNumber} char:{extent.StartColumnNumber}{Environment.NewLine}+ {extent.Text}";

    private static void WriteError(string message, string? position)
    {
        Console.Error.WriteLine(message);
        if (!string.IsNullOrEmpty(position))
        {
            Console.Error.WriteLine(position);
        }
    }
}
