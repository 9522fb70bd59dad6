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
    /// Runs <paramref name="path"/> with <paramref name="arguments"/>, each a plain string in the script's <c>$args</c>.
    /// </summary>
    /// <returns>
    /// What the script's <c>exit</c> says, 0 when it runs to its end, 1 when an error ends it (as with <c>pwsh -File</c>),
    /// 128 plus the signal's number when a signal does.
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

        // Out-Default as the last command, with the errors merged into it, is what lets native commands inherit both streams.
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

        // The terminal sends Ctrl-C to what the script runs too, which may have a machine to shut down: the first one is its own.
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
