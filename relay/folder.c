int vs_relay_folder(void);
int vs_relay_folder(void)
{
    return 0;
}
